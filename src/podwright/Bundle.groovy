package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'ad828a341870797d9beb9f530a853d67dc1632765a67673c15b7f2d07e200756'
  static final String JOBS_SUM = '5dad786ccaf71ebb4d1b928afc5ecc8efb3741933d3c75f8964e905d66226b52'

  private static final long serialVersionUID = 1L
}
