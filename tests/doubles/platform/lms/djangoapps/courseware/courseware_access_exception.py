from django.http import Http404 as _Http404


class CoursewareAccessException(_Http404):
    def __init__(self, access_response):
        super().__init__("Course not found.")
        self.access_response = access_response
