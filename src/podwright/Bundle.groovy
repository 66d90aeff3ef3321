package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '093f6add27808618d0ed016b5e4fcc041b9f6b848f8981b44908c9654a708931'
  static final String JOBS_SUM = 'bdf9b5f33fd884b2be24796bf7fc96e85c3cb15805e83d3ce5fca762eabc51e6'

  private static final long serialVersionUID = 1L
}
