"""The HTTP API and the workbench: storage, jobs and access around the same rooms that the command line uses."""
