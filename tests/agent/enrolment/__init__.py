"""A station's side of its enrolment."""
