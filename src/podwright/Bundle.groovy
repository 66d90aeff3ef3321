package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '7b20029399362297222079c4a409f715c60cf9f527a0f547170cf83ee097370f'
  static final String JOBS_SUM = 'bd1ce07ea266e130e6a2f217ccaa7fd0ae99efa2b6a29adea1a3d0d2a0defbe5'

  private static final long serialVersionUID = 1L
}
