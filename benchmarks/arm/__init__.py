"""Instructions of one inference on emulated ARM processors, levit-edge's files beside other engines'."""
