package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '502cada26edb44415cbd6b0c3d3bee5c208a880f9e8c07422d15b5aeeaeea62f'
  static final String JOBS_SUM = '734dabb27daebb4beac19db0b2f6af234a61ef7282fac7fc8cfce78af83325f0'

  private static final long serialVersionUID = 1L
}
