package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '66bfc8c7a16d35e704248c8dfa18a9109ac8ae256e19b6aaba71771880fb85a0'
  static final String JOBS_SUM = '3547f2a53fca7aaf927512fd1350d4684cc274477e2d5e88a6cfafacba496c2c'

  private static final long serialVersionUID = 1L
}
