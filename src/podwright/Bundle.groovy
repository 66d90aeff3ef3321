package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '2969967f3bea9c240f8e9fc15ae677962c29704f24e3f2df6f5efa1bdc4c1601'
  static final String JOBS_SUM = 'c326963bc9689101ed90e6275b5fd12e6ce73340d2b9caaa8b677e149fe19f4c'

  private static final long serialVersionUID = 1L
}
