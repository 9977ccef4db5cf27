class ScorableXBlockMixin:
    pass
