package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '53c6e8caaca574e2c3f0bc4dad6887469fcf5d73e445ec107d6f1506f77c47d6'
  static final String JOBS_SUM = 'aaee98ce199d2c0b289c58140e348834d91b629d452141cc9d17840494874f02'

  private static final long serialVersionUID = 1L
}
