"""A client of ``core.delivery`` that knows no LTI: parcels for named people, sent by a courier that does as told."""
