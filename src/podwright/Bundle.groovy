package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'a3535152e829cafeac798c9c2fe2b57639c8c1bfa44cd04b8ad94ea09da1f8b6'
  static final String JOBS_SUM = '8495e3d11a23192bba72a746e26cfaddd03a3a33e323c6978789aaff4d6ae968'

  private static final long serialVersionUID = 1L
}
