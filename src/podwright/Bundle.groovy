package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'd4bf59192eedcdcb89f7da761226955553c57e3745f011f2a14843c2c55389cb'
  static final String JOBS_SUM = '8eb4b4738b665edac89089306061dcf763d0baf04a42be5d284c1a6aa9d5e578'

  private static final long serialVersionUID = 1L
}
