package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '08c182f20337656ca32fc300de2df89ed3b4bb440a8bdb8456f4285518fb4731'
  static final String JOBS_SUM = 'c02df792273dc7111a9a3230feba6ecd63d2596223ea91c999e04c0e6e997cee'

  private static final long serialVersionUID = 1L
}
