package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '0b1d39ddebe32ff29a99f9b1713498af3f1abd25a8fcd7d22253f26644a37017'
  static final String JOBS_SUM = '734dabb27daebb4beac19db0b2f6af234a61ef7282fac7fc8cfce78af83325f0'

  private static final long serialVersionUID = 1L
}
