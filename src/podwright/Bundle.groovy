package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '9d5c24796216e945ba353adbb394b73e4ecd3eedc4810e4f8eafafc7dbf0e639'
  static final String JOBS_SUM = 'c326963bc9689101ed90e6275b5fd12e6ce73340d2b9caaa8b677e149fe19f4c'

  private static final long serialVersionUID = 1L
}
