"""Our content in the courses of a campus: launches in, grades out."""
