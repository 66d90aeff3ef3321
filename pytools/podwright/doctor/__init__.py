"""Why a build failed: symptoms as data, and the matcher that finds them in logs."""
