package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'b499e2b6b6fdf59032bdec2a08242882c00d25f20b8f21d31c30e9f3784014cd'
  static final String JOBS_SUM = 'cbee21802251c49757f1b2facc202950c3efc0d4985c0b8da1108b92927970a5'

  private static final long serialVersionUID = 1L
}
