package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '85ecef06abf41b5de0b73fa673b8b36a2e67ed5a2f449b0a652407ba5f6cbeca'
  static final String JOBS_SUM = 'c326963bc9689101ed90e6275b5fd12e6ce73340d2b9caaa8b677e149fe19f4c'

  private static final long serialVersionUID = 1L
}
