"""A report as one page of HTML that needs nothing else: pictures, tables and Plotly inside it."""

from datetime import UTC, datetime
from itertools import chain

from jinja2 import Environment, PackageLoader
from plotly.offline import get_plotlyjs

from elk.drift.report.pictures import courses, details, heatmap
from elk.drift.report.reading import DriftReport
from elk.drift.report.summary import headline, number, over_windows, sentences, signals, words


def page(report: DriftReport) -> str:
    """The page as text, some 5 MB, most of it Plotly."""
    environment = Environment(
        loader=PackageLoader("elk.drift.report", "."), autoescape=True, trim_blocks=True
    )
    environment.filters |= {"number": number, "words": words}
    main, lines, distributions = heatmap(report), list(courses(report)), list(details(report))
    pictures = list(chain([main], lines, distributions))
    return environment.get_template("page.html.jinja").render(
        report=report,
        headline=headline(report),
        sentences=list(sentences(report)),
        signals=signals(report),
        over=over_windows(report),
        heatmap=main,
        courses=lines,
        details=distributions,
        place={picture.title: number for number, picture in enumerate(pictures)},
        pictures=pictures,
        made_at=datetime.now(UTC),
        plotly=get_plotlyjs(),
    )
