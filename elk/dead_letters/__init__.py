"""Dead letters for operators: finding them, and replaying their records once what was wrong is
mended."""
