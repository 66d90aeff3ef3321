package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '5827fa7e8c271a99f29ce5e6c8e6ffe16875a77c23b261ef8b99058ea6b6fc81'
  static final String JOBS_SUM = '734dabb27daebb4beac19db0b2f6af234a61ef7282fac7fc8cfce78af83325f0'

  private static final long serialVersionUID = 1L
}
