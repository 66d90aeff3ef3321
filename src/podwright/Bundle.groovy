package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '0700f3ac9691f773c949a50bd53169dded16b444ebf46734c6fdb508212e0b37'
  static final String JOBS_SUM = '8495e3d11a23192bba72a746e26cfaddd03a3a33e323c6978789aaff4d6ae968'

  private static final long serialVersionUID = 1L
}
