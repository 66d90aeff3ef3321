package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '273738a188e9b7c890b52fffcf614e16676c09c3ac72b94030a03e8d3744f24d'
  static final String JOBS_SUM = 'c326963bc9689101ed90e6275b5fd12e6ce73340d2b9caaa8b677e149fe19f4c'

  private static final long serialVersionUID = 1L
}
