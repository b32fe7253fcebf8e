const UPSTREAM_ID = "D6FFB6F4-8E1C-5A1B-9B5B-2A4F6C1E0D3A";

export const ADD_REQUEST_EXAMPLES = {
  number: {
    custSpaceId: "cust-space-1",
    cc: "49",
    phoneNumber: "151 1234-5678",
    verifiedName: "Acme",
  },
};

export const ADD_EXAMPLES = {
  accepted: {
    phoneNumber: "4915112345678",
    custSpaceId: "cust-space-1",
    requestId: UPSTREAM_ID,
    success: false,
    outcome: "accepted",
  },
  confirmed: {
    phoneNumber: "4915112345678",
    custSpaceId: "cust-space-1",
    requestId: UPSTREAM_ID,
    outcome: "confirmed",
  },
};

export const QUERY_EXAMPLES = {
  live: {
    phoneNumbers: [
      {
        phoneNumber: "4915112345678",
        verifiedName: "Acme",
        status: "CONNECTED",
        qualityRating: "GREEN",
        codeVerificationStatus: "VERIFIED",
        nameStatus: "APPROVED",
        newNameStatus: "NONE",
        messagingLimitTier: "TIER_1K",
      },
    ],
    requestId: UPSTREAM_ID,
  },
  stored: {
    custSpaceId: "cust-space-1",
    source: "stored",
    sequence: "0001767323000123",
    phoneNumbers: [
      {
        status: "CONNECTED",
        qualityRating: "GREEN",
        phoneNumber: "4915112345678",
        observedAt: "2026-01-02T03:03:35.000Z",
      },
    ],
    observedAt: "2026-01-02T03:03:35.000Z",
    confirmedAt: "2026-01-02T03:03:55.000Z",
    staleSeconds: 10,
    lastFullSweepAt: "2026-01-02T03:04:00.000Z",
    pendingEvents: 1,
  },
};
