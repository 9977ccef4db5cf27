class CourseAccessRedirect(Exception):
    def __init__(self, url, access_error=None):
        super().__init__()  # So that ``args`` is empty: the address is in ``url`` only.
        self.url = url
        self.access_error = access_error
