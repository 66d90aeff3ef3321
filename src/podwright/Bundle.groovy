package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'a81e9e4d201f4efe7d24ef22da0c0f4a2c5de66f8cfe6544b24323a7235d0caf'
  static final String JOBS_SUM = 'bdf9b5f33fd884b2be24796bf7fc96e85c3cb15805e83d3ce5fca762eabc51e6'

  private static final long serialVersionUID = 1L
}
