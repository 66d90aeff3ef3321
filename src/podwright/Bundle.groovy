package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '7d7be927e92cc20d8ad4d97a0a475b86e1542e7d4b09971ab3964b312e90cb21'
  static final String JOBS_SUM = 'bdf9b5f33fd884b2be24796bf7fc96e85c3cb15805e83d3ce5fca762eabc51e6'

  private static final long serialVersionUID = 1L
}
