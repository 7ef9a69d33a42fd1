"""The instruments: pure functions of rows and a period."""
