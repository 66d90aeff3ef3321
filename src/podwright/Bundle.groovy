package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '1dfa1ce3447f4b95a542296a30cf5aa50a3075eb26332a9971577a9e57408a93'
  static final String JOBS_SUM = '734dabb27daebb4beac19db0b2f6af234a61ef7282fac7fc8cfce78af83325f0'

  private static final long serialVersionUID = 1L
}
