"""What the built-ins answer: their own name."""

from django.http import HttpResponse


def built_in(name):
    """A view that says which built-in it belongs to."""

    def view(request, **kwargs):
        return HttpResponse(f"built-in {name}")

    view.built_in = name
    return view
