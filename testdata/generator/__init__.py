"""The parts of the test data generator: one module a kind of file, one function a trick."""
