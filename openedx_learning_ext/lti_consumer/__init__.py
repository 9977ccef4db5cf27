"""External LTI 1.1 tools in our courses: launched from here, their grades taken in safely."""
