package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '69a5faa0cd6118e7131baad93917295fc9995cdec1123a9bd73d87e406a72d1b'
  static final String JOBS_SUM = '3547f2a53fca7aaf927512fd1350d4684cc274477e2d5e88a6cfafacba496c2c'

  private static final long serialVersionUID = 1L
}
