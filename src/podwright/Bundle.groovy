package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '3b0b70a6d8f23179e507f7abb03a8cc0d5aa7e3954dc35d64288e2fcb5c7bd31'
  static final String JOBS_SUM = '8eb4b4738b665edac89089306061dcf763d0baf04a42be5d284c1a6aa9d5e578'

  private static final long serialVersionUID = 1L
}
