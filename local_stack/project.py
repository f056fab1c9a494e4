"""What the local stack keeps in a project: `.millrace/`, with its state, logs and locks."""

from pathlib import Path

from filelock import FileLock


class ProjectFiles:
    """The paths below one project's `.millrace/`."""

    def __init__(self, project_dir: Path) -> None:
        self.project_dir = project_dir.resolve()
        self.root = self.project_dir / ".millrace"

    @property
    def stack(self) -> Path:
        """Where the running stack is: see `stack_state.StackState`."""
        return self.root / "stack.json"

    @property
    def services(self) -> Path:
        """Which services were started: see `services.Services`."""
        return self.root / "services.json"

    def log(self, name: str) -> Path:
        """The output of one process."""
        return self.root / "logs" / f"{name}.log"

    def run(self, name: str) -> Path:
        """The directory that one supervisor and those who ask something of it share."""
        return self.root / "run" / name

    def lock(self, name: str) -> FileLock:
        """Held while the thing of that name is started, stopped or recorded."""
        self.prepare()
        return FileLock(self.root / "run" / f"{name}.lock")

    def prepare(self) -> None:
        """Create the directories; nothing in them is ever committed."""
        for directory in (self.root, self.root / "logs", self.root / "run"):
            directory.mkdir(exist_ok=True)
        (self.root / "run").chmod(0o700)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
