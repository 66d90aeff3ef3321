package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '9c837101cd1f577e92d38af261b2a2727932070822b5d7b370d68476a1feec80'
  static final String JOBS_SUM = 'cbee21802251c49757f1b2facc202950c3efc0d4985c0b8da1108b92927970a5'

  private static final long serialVersionUID = 1L
}
