"""Speed, measured as ratios against peers in one run: `make bench`. Nothing here is asserted by a timed test."""
