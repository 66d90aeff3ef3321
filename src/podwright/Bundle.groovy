package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'e0c952574318419be06abcc2198e58a7b01640f1c2374003de48ebae72b83594'
  static final String JOBS_SUM = '734dabb27daebb4beac19db0b2f6af234a61ef7282fac7fc8cfce78af83325f0'

  private static final long serialVersionUID = 1L
}
