"""Model: NRMS and NRMSDocVec as plain modules."""
