package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '5007bbb1e57aafd2ff6ee1857567c06c5defc36e9ba25c3f4ab88a875f421721'
  static final String JOBS_SUM = '3547f2a53fca7aaf927512fd1350d4684cc274477e2d5e88a6cfafacba496c2c'

  private static final long serialVersionUID = 1L
}
