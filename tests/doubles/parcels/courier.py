"""A courier that answers what a test tells it to, and remembers what it carried."""

from contextlib import contextmanager

from openedx_learning_ext.core.delivery.engine import Courier
from openedx_learning_ext.core.delivery.schedule import DELIVERED, Outcome
from tests.doubles.parcels.models import Parcel


class ParcelCourier(Courier):
    """Carries parcels. ``answers`` maps a name to outcomes, exceptions or functions, used up one by one."""

    model = Parcel
    task = "parcels.sweep"

    def __init__(self):
        self.answers = {}
        self.carried = []
        self.closed = set()
        self.asked = []
        self.heard = []
        self.visits = []

    def send(self, row):
        self.carried.append((row.name, row.payload.get("value"), row.wanted_version))
        script = self.answers.get(row.name)
        answer = script.pop(0) if script else Outcome(DELIVERED)
        if callable(answer):
            answer = answer(row)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def may_send(self, destination, now):
        self.asked.append(destination)
        return destination not in self.closed

    def settled(self, row, outcome):
        self.heard.append((row.name, str(outcome)))

    @contextmanager
    def visiting(self, destination):
        self.visits.append(destination)
        yield

    def refill(self, row):
        return {"value": "from the host"}
