"""Will a flight from New York arrive late? Real flights and weather of 2013."""
