"""Drills on a real cluster: its nodes are killed, frozen, added and replaced while Steward serves. `make test-cluster`, with CITUS_BIN."""
