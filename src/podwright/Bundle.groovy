package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '0e10c631a8d39456871627a3f71c3d8f2756fd4c4b04cd641dc119f7f40a084a'
  static final String JOBS_SUM = '8eb4b4738b665edac89089306061dcf763d0baf04a42be5d284c1a6aa9d5e578'

  private static final long serialVersionUID = 1L
}
