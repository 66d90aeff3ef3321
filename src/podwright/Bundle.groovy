package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '89bcb7f4038aeb4cd62928692a3d9fa9b27abab175d14152966a6ef86f307a0a'
  static final String JOBS_SUM = 'cbee21802251c49757f1b2facc202950c3efc0d4985c0b8da1108b92927970a5'

  private static final long serialVersionUID = 1L
}
