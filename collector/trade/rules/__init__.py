"""What agreements, sales and settlements are worked out by: whole numbers in, whole numbers out; no rows, no clock.

All money is in øre, all percentages are basis points, and every division is rounded once, half-up on the magnitude, so
that what is taken back is exactly what was given. Pure.
"""
