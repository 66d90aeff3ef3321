package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'df02cf4757b305c69e955bc6bc6514bded90b1ea773299a8fb70838eea605fdf'
  static final String JOBS_SUM = 'bd1ce07ea266e130e6a2f217ccaa7fd0ae99efa2b6a29adea1a3d0d2a0defbe5'

  private static final long serialVersionUID = 1L
}
