package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '6f95dc45f1de7b7b81f1c4dd43b451e60dae020851e6f4a0728e15a10fbe3c1a'
  static final String JOBS_SUM = '3547f2a53fca7aaf927512fd1350d4684cc274477e2d5e88a6cfafacba496c2c'

  private static final long serialVersionUID = 1L
}
