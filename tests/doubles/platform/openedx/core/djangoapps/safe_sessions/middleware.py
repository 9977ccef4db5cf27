from tests.doubles.platform import scene as _scene


def mark_user_change_as_expected(new_user_id):
    _scene.expected_user_changes.append(new_user_id)
