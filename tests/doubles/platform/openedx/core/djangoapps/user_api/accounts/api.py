import re as _re


def get_username_validation_error(username):
    if not 2 <= len(username) <= 30:
        return "Usernames must be between 2 and 30 characters long."
    if not _re.match(r"[-a-zA-Z0-9_]+\Z", username):
        return "Usernames can only contain letters, numerals, underscores, and hyphens."
    return ""
