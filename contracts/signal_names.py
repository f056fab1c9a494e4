"""What signals of drift are called: a feature by its own name, unless another signal has it."""

TOGETHER = "features together"
ESTIMATED_ACCURACY = "estimated accuracy"
ESTIMATED_ROC_AUC = "estimated roc_auc"
_RESERVED = frozenset(
    {"prediction", "confidence", "anomaly score", "distance to centre"}
    | {TOGETHER, ESTIMATED_ACCURACY, ESTIMATED_ROC_AUC}
)
_OF_A_FEATURE = "feature "


def signal_name(feature: str) -> str:
    """What a feature is called among signals that are no features."""
    return _OF_A_FEATURE + feature if _is_taken(feature) else feature


def feature_of(signal: str) -> str | None:
    """The feature that a signal is called after; None: it is none of a single feature."""
    if not _is_taken(signal):
        return signal
    return signal.removeprefix(_OF_A_FEATURE) if signal.startswith(_OF_A_FEATURE) else None


def _is_taken(name: str) -> bool:
    while name.startswith(_OF_A_FEATURE):
        name = name.removeprefix(_OF_A_FEATURE)
    return name in _RESERVED or name.startswith("prediction of ")
