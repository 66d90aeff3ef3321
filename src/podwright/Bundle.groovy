package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '48f22814592868110589e6a77c9635965bad9c3513c920c32a88ab1cd23c5a59'
  static final String JOBS_SUM = 'bd1ce07ea266e130e6a2f217ccaa7fd0ae99efa2b6a29adea1a3d0d2a0defbe5'

  private static final long serialVersionUID = 1L
}
